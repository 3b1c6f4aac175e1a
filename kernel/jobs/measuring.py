"""The figures of the jobs."""

from prometheus_client import Counter, Gauge, Histogram

from kernel.process.telemetry import REGISTRY

JOBS = Gauge(
    "smartplus_jobs",
    "Jobs by where they are: waiting (on the list, also those that another replica works on), running (here), parked.",
    ("service", "job", "state"),
    registry=REGISTRY,
)
LIST_BYTES = Gauge("smartplus_jobs_bytes", "Bytes on the list of jobs.", ("service",), registry=REGISTRY)
LIST_MAX_BYTES = Gauge("smartplus_jobs_max_bytes", "Bytes that the list may hold.", ("service",), registry=REGISTRY)
ENDED = Counter(
    "smartplus_jobs_ended",
    "Tries of jobs by how they ended: done, failed (tried again), passed (counts as no try), parked; or no-room.",
    ("service", "job", "outcome"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "smartplus_job_seconds",
    "How long a try of a job took.",
    ("service", "job"),
    buckets=(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0),
    registry=REGISTRY,
)
