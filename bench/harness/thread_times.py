"""CPU time of the single threads of a program, by their names."""

import os
import threading
import time

_EVERY = 0.01  # s


class ThreadTimes:
    """Looks at a process's threads until it ends. `seconds` has the CPU time of each thread by its
    name, those of one name together; what a thread uses after the last look, 10 ms at most before
    its end, is missing."""

    def __init__(self):
        self.seconds = {}

    def start(self, pid):
        """Returns the function to call once the process has ended."""
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
                pass  # that thread is over, or all of them
            time.sleep(_EVERY)
