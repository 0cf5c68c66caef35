"""What CFSM asks of the world, in our words: factory, history, tasks, and the ports that adapters fill."""
