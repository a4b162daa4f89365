"""sluice batch with a real Slurm: kills, requeues, time limits and cancelled jobs."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import cluster
from cluster import wait_until

BIN = os.environ["SLUICE_BIN"]
DATASET = "TESTIDB-1234567"
TOKEN = "7f3e9a-the-token-c2b1d8"
MB = 1000 * 1000


class Array(unittest.TestCase):
    def setUp(self):
        # A blank, and a pattern of sbatch.
        self.work = os.path.join(tempfile.mkdtemp(prefix="sluice-slurm-"), "a %a batch")
        os.makedirs(self.work)
        self.addCleanup(shutil.rmtree, os.path.dirname(self.work), True)
        self.cluster = cluster.Cluster()
        self.addCleanup(self.cluster.remove)
        self.addCleanup(self.cluster.stop)
        self.addCleanup(self._show_logs)
        self.bank = subprocess.Popen(
            [
                f"{BIN}/databankd",
                "--listen",
                "127.0.0.1:0",
                "--quiet",
                "--store",
                f"{self.work}/store",
                "--dataset",
                f"{DATASET}={TOKEN}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self._end_bank)
        self.url = next(word for word in self.bank.stdout.readline().split() if word.startswith("http"))
        self.environment = {
            **self.cluster.environment,
            "SLUICE_URL": self.url,
            "XDG_STATE_HOME": f"{self.work}/state",
            "XDG_CONFIG_HOME": f"{self.work}/config",
        }

    def _end_bank(self):
        self.bank.kill()
        self.bank.wait()
        self.bank.stdin.close()
        self.bank.stdout.close()

    def _show_logs(self):
        outcome = self._outcome.result
        if outcome.failures or outcome.errors:
            print(self.cluster.logs())
            for name in os.listdir(f"{self.work}/files.batch"):
                if name.endswith(".log"):
                    with open(f"{self.work}/files.batch/{name}", errors="replace") as log:
                        print(f"--- {name}\n{log.read()}")

    def sluice(self, *words, stdin="", code=0):
        done = subprocess.run(
            [f"{BIN}/sluice", *words],
            cwd=self.work,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=cluster.TIMEOUT,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        return done.stdout

    def status(self):
        """Returns (bytes sent, state) by shard."""
        found = json.loads(self.sluice("status", "files.batch", "--json"))
        return {one["shard"]: (one["sent"], one["state"]) for one in found["uploads"]}

    def is_running(self, shard):
        return any(task == str(shard) and state == "RUNNING" for task, _, state, _ in self.cluster.jobs())

    def wait_for_bytes(self, shard):
        def has_bytes():
            sent, state = self.status()[shard]
            return sent > 0 and state == "running"

        wait_until(f"shard {shard} has bytes on the server", has_bytes)

    def sluice_of(self, shard):
        """Returns the id of the process that uploads the shard."""
        found = subprocess.run(
            ["pgrep", "-f", f"^{BIN}/sluice run .*{self.work}/files.batch/shard-{shard}.jsonl"],
            capture_output=True,
            text=True,
        ).stdout.split()
        self.assertEqual(len(found), 1, found)
        return int(found[0])

    def run_all_jobs(self):
        """Blocks until all jobs have ended. Starts requeued tasks soon; Slurm would wait for 2 min."""

        waiting = {}  # task -> when it was first seen waiting

        def ended():
            jobs = self.cluster.jobs()
            for task, array, state, reason in jobs:
                since = waiting.setdefault(task, time.monotonic())
                if state != "PENDING" or reason != "BeginTime":
                    del waiting[task]
                # Slurm refuses to start a task in the second of its requeue.
                elif time.monotonic() - since > 3:
                    self.cluster.output("scontrol", "update", f"JobId={array}_{task}", "StartTime=now", check=False)
            return not jobs

        wait_until("all jobs have ended", ended)

    def make_files(self, sizes):
        for name, size in sizes.items():
            with open(f"{self.work}/{name}", "wb") as file:
                file.write(os.urandom(size))
        with open(f"{self.work}/files.csv", "w") as manifest:
            manifest.write("path,dataset\n" + "".join(f"{name},{DATASET}\n" for name in sizes))
        self.sluice("token", "add", DATASET, stdin=TOKEN)

    def submit(self, shards, *words):
        made = json.loads(
            self.sluice(
                *("batch", "files.csv", "--shards", str(shards), "--submit", "--json", "--protocol", "tus"),
                *("--chunk", "1M", "--sbatch=--cpus-per-task=1", *words),
            )
        )
        self.assertEqual(made["shards"], shards)
        self.assertTrue(made["job"].isdigit() and made["report_job"].isdigit())
        return made["job"], made["report_job"]

    def report(self):
        with open(f"{self.work}/files.batch/report.json") as file:
            return json.load(file)

    def test_does_not_requeue_a_cancelled_task(self):
        self.make_files({"file": 40 * MB})
        job, report_job = self.submit(1, "--limit-rate", "1M")
        self.wait_for_bytes(1)
        self.cluster.output("scancel", job)
        self.run_all_jobs()
        self.assertIn("JobState=CANCELLED", self.cluster.output("scontrol", "show", "job", f"{job}_1"))
        self.assertIn("ExitCode=1:0", self.cluster.output("scontrol", "show", "job", report_job))
        self.assertFalse(self.report()["all_registered"])
        self.assertEqual(self.report()["uploads"][0]["state"], "interrupted")

    def test_waits_for_a_file_that_another_process_uploads(self):
        self.make_files({"file": 40 * MB})
        with subprocess.Popen(
            [f"{BIN}/sluice", "put", "--protocol", "tus", "--limit-rate", "1M", "--chunk", "1M", DATASET, "file"],
            cwd=self.work,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as other:
            self.addCleanup(other.kill)

            def is_uploading():
                found = json.loads(self.sluice("status", "--json"))["uploads"]
                return found and found[0]["running"]

            wait_until("the other process uploads the file", is_uploading)
            job, _ = self.submit(1)
            log = f"{self.work}/files.batch/shard-1.log"

            def is_waiting():
                if not os.path.exists(log):
                    return False
                with open(log) as file:
                    return "retrying in 10 s" in file.read()

            wait_until("the task waits", is_waiting)
            self.assertIsNone(other.poll(), "the other upload ended too early")
            self.assertEqual(other.wait(cluster.TIMEOUT), 0)
        self.run_all_jobs()
        self.assertIn("JobState=COMPLETED", self.cluster.output("scontrol", "show", "job", f"{job}_1"))
        self.assertTrue(self.report()["all_registered"])
        with open(f"{self.work}/store/registered.jsonl") as file:
            self.assertEqual(len(file.readlines()), 1, "registered more than once")

    def test_resumes_after_kill_requeue_and_time_limit(self):
        # Shards are sorted by size. Each takes 40 s, which is enough for the test to see the first
        # 5 MiB, sent with the creation, and for the scheduler to check time limits.
        sizes = {"limit": 42 * MB, "kill": 41 * MB, "requeue": 40 * MB}
        self.make_files(sizes)
        job, report_job = self.submit(3, "--limit-rate", "3M", "--sbatch=--signal=B:TERM@30")

        wait_until("shard 1 runs", lambda: self.is_running(1))
        self.cluster.output("scontrol", "update", f"JobId={job}_1", "TimeLimit=1")
        self.wait_for_bytes(2)
        os.kill(self.sluice_of(2), signal.SIGKILL)
        self.wait_for_bytes(3)
        self.cluster.output("scontrol", "requeue", f"{job}_3")

        self.run_all_jobs()
        report = self.report()
        self.assertTrue(report["all_registered"], report)
        self.assertEqual([one["sent"] for one in report["shards"]], list(sizes.values()))
        self.assertIn("ExitCode=0:0", self.cluster.output("scontrol", "show", "job", report_job))

        log = {}
        for shard in (1, 2, 3):
            with open(f"{self.work}/files.batch/shard-{shard}.log") as file:
                log[shard] = file.read()
            self.assertNotIn(TOKEN, log[shard])
        self.assertIn("interrupted (exit code 143) after progress; requeueing the task", log[1])
        self.assertIn("interrupted (exit code 137) after progress; requeueing the task", log[2])
        for shard in (1, 2, 3):
            self.assertIn("resumed at", log[shard], f"shard {shard} restarted from the beginning")

        with open(f"{self.work}/store/registered.jsonl") as file:
            registered = [json.loads(line)["name"] for line in file]
        self.assertEqual(sorted(registered), sorted(sizes), "each file once")
        for name in sizes:
            with open(f"{self.work}/{name}", "rb") as one, open(f"{self.work}/store/{DATASET}/{name}", "rb") as other:
                self.assertEqual(one.read(), other.read())


if __name__ == "__main__":
    unittest.main()
