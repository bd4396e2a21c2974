"""The benches, each one job: `demo`, `still`, `screens`, `recovery`, `load`; the rest is what they share."""
