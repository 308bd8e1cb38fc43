"""What needs an encoder or a decoder: silence, levels, fallback files. Work for a process of its own.

`client` is the server's side, `worker` the child's; only the child loads PyAV. `silence`, `dead_air` and
`prepared` need neither. This module imports nothing, so that each side loads its own only.
"""
