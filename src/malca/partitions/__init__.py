"""Work split into partitions: what is to be done, what is done already, and doing the rest.

A partition (about 1,000 stars) is the unit of memory, of resume and of failure. A
``PartitionMap`` says what to do for each; ``run_partitions`` does what is not done yet, in threads
here or on a Dask cluster. A finished partition carries a fingerprint of everything it was made
from: its inputs, the parameters and the code. It is used again only if that still agrees.
"""

from malca.partitions.compute import ClusterParameters, ComputeParameters
from malca.partitions.fingerprints import fingerprint
from malca.partitions.receipts import DamagedError, Receipt, TableFacts
from malca.partitions.runner import PartitionMap, PartitionReport, PartitionStore, run_partitions

__all__ = [
    "ClusterParameters",
    "ComputeParameters",
    "DamagedError",
    "PartitionMap",
    "PartitionReport",
    "PartitionStore",
    "Receipt",
    "TableFacts",
    "fingerprint",
    "run_partitions",
]
