"""CPU time of a program's threads, by name."""

import os
import threading
import time

_EVERY = 0.01  # s


class ThreadTimes:
    """Samples the CPU time of a process's threads every 10 ms until it ends. `seconds`: the total
    CPU time of the threads of each name, without the time after the last sample."""

    def __init__(self):
        self.seconds = {}

    def start(self, pid):
        """Starts sampling. Returns the function to call after the end of the process."""
        over = threading.Event()
        seen = {}
        watcher = threading.Thread(target=self._look, args=(pid, over, seen), daemon=True)
        watcher.start()

        def stop():
            over.set()
            watcher.join()
            for name, seconds in seen.values():
                self.seconds[name] = self.seconds.get(name, 0.0) + seconds

        return stop

    @staticmethod
    def _look(pid, over, seen):
        tasks = f"/proc/{pid}/task"
        while not over.is_set():
            try:
                for task in os.listdir(tasks):
                    with open(f"{tasks}/{task}/comm", encoding="utf-8", errors="replace") as file:
                        name = file.read().strip()
                    with open(f"{tasks}/{task}/schedstat", encoding="ascii") as file:
                        seen[task] = (name, int(file.read().split()[0]) / 1e9)
            except OSError:
                pass  # the thread or the process has ended
            time.sleep(_EVERY)
