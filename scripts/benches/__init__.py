"""The benches, each one job: `demo`, `still`, `screens`; the rest is what they share."""
