"""What a training takes of its machine, from epoch to epoch."""

import resource
import sys
import time

import torch

_MIB = 2**20
_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of what the system calls a process's largest size


class Usage:
    """Of this process since it was made, or last asked; of memory the most since the process began."""

    def __init__(self) -> None:
        self._wall, self._busy = time.monotonic(), time.process_time()

    def metrics(self) -> dict[str, float]:
        """Cores kept busy on average, and the most memory that was held at once, in MiB, of a GPU's too.

        MLflow shows what begins with `system/` on a page of its own.
        """
        wall, busy = time.monotonic(), time.process_time()
        cores = (busy - self._busy) / max(wall - self._wall, 1e-6)
        self._wall, self._busy = wall, busy
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
        found = {"system/cpu_cores": cores, "system/memory_mib": largest / _MIB}
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            found["system/gpu_memory_mib"] = torch.cuda.max_memory_allocated() / _MIB
        return found
