"""MMM as data: the record, the unified text format, and the registry of the 21 configs. Imports nothing heavy.

The ``datasets`` builder is in :mod:`mmm_dataset.builder` and is imported only when it is asked for.
"""

from mmm_dataset.codec import Decoded, decode, encode, prompt, split_input
from mmm_dataset.record import Item, Record, RecordError, Span, from_dict, to_dict
from mmm_dataset.registry import Registry, RegistryError
from mmm_dataset.registry_files import load, registry_of
from mmm_f1.unified import Failure

__version__ = "0.1.0"

__all__ = [
    "Decoded",
    "Failure",
    "Item",
    "Record",
    "RecordError",
    "Registry",
    "RegistryError",
    "Span",
    "decode",
    "encode",
    "from_dict",
    "load",
    "prompt",
    "registry_of",
    "split_input",
    "to_dict",
]
