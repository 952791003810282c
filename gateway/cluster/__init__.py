"""Nodes of the cluster: lease, stream, presence and acknowledgements, all by way of Valkey."""
