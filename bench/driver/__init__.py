# SPDX-License-Identifier: MIT
"""What scripts/bench is made of: corpus, run, peers, machine, report."""
