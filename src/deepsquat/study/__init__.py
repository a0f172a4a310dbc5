"""A sweep as an Optuna study that outlives its processes. Knows Hydra and Optuna, not what a trial does.

A study is a list of grid points, or of `n_trials` draws of a sampler; both are called points here. A trial is
one attempt at one.

- A point is claimed by creating its trial, RUNNING and with its owner's name, in one record of the storage.
  Where two processes claim one point, the lower trial number has it; the other trial is FAIL,
  `ended: withdrawn`, and counts for nothing.
- A trial ends COMPLETE, PRUNED or FAIL. COMPLETE and PRUNED end the point. The user attribute `ended` says
  what a FAIL was: `failed` (by an error of its own), `interrupted` (Ctrl-C, SIGTERM, SIGHUP), `lost` (its
  process ended without a word), `withdrawn`.
- Optuna opens no ended trial again. So a point is resumed by a new trial with the same parameters, a number
  and a folder of its own. After `interrupted` and `lost` the task function is told the attempts before, the
  newest first, to go on from their checkpoints. After `failed` it begins anew.
- A point that was interrupted or lost is resumed by whichever process comes next, as often as it happens. One
  that failed is tried again by the next start of the command, and given up after `max_retries` further
  attempts; a mistake in a value uses up as many as `max_retries` allows by default.
- A trial is run once. Where Slurm or Ray starts its job again, the job ends the trial as `lost` where its
  first process did not, and leaves the point to the sweep.
- A study and its folder bear one id, kept in the study's user attributes and in `study.id`.

Hydra's task function is what is swept; a Task runs it as a trial. The word job is left to Hydra's options.
"""
