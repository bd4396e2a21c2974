"""A driver library with one made-up graphics card, compiled for the test: what NVML's bindings load and ask."""

from __future__ import annotations

import subprocess
from pathlib import Path

from parts.program import find

NAME, BUSY_PERCENT, USED_BYTES, TOTAL_BYTES = "Test Card", 37, 3_000_000_000, 8_000_000_000
_LOST = 15
"""NVML's number for a card that has fallen off the bus."""
_SOURCE = f"""
#include <string.h>
#include <stdlib.h>
typedef struct {{ unsigned int gpu, memory; }} utilization;
typedef struct {{ unsigned long long total, free, used; }} memory;
int nvmlInitWithFlags(unsigned int flags) {{ return 0; }}
int nvmlDeviceGetCount_v2(unsigned int *count) {{ *count = 1; return getenv("TEST_CARD_LOST") ? {_LOST} : 0; }}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **card) {{ *card = (void *)1; return 0; }}
int nvmlDeviceGetName(void *card, char *name, unsigned int length) {{ strcpy(name, "{NAME}"); return 0; }}
int nvmlDeviceGetUtilizationRates(void *card, utilization *rates) {{ rates->gpu = {BUSY_PERCENT}; return 0; }}
int nvmlDeviceGetMemoryInfo(void *card, memory *info) {{
    info->total = {TOTAL_BYTES}ULL; info->used = {USED_BYTES}ULL; info->free = info->total - info->used; return 0;
}}
const char *nvmlErrorString(int result) {{ return "as the test wants it"; }}
"""


def build(folder: Path) -> dict[str, str]:
    """Compile it; returns the environment in which the bindings find it."""
    source = folder / "nvml.c"
    source.write_text(_SOURCE, encoding="utf-8")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(
        [find("gcc", "gcc"), "-shared", "-fPIC", "-w", "-o", str(library), str(source)], check=True, timeout=60
    )
    return {"LD_LIBRARY_PATH": str(folder)}
