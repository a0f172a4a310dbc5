"""A sweep as an Optuna study that outlives its processes. Knows Hydra and Optuna, not what a job does.

A study is a list of cells: those of the grid, or `n_trials` draws of a sampler. A trial is one attempt at
one.

- A cell is claimed by creating its trial, RUNNING and with its owner's name, in one record of the
  storage. Where two processes claim one cell, the lower trial number has it; the other trial is FAIL,
  `ended: withdrawn`, and counts for nothing.
- A trial ends COMPLETE, PRUNED or FAIL. COMPLETE and PRUNED end the cell. The user attribute `ended` says
  what a FAIL was: `failed` (the job's own failure), `interrupted` (Ctrl-C, SIGTERM), `lost` (its process
  died), `withdrawn`.
- Optuna opens no ended trial again. So a cell is taken up by a new trial with the same parameters, a
  number and a folder of its own. After `interrupted` and `lost` the job is told the attempts before, the
  newest first, to go on from their checkpoints. After `failed` it begins anew.
- A cell that was interrupted or lost is taken up by whoever comes next, as often as it happens. One that
  failed is tried again by the next start of the command, and given up after `max_retries` further
  attempts.
"""
