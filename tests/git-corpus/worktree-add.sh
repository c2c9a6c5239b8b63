### setup
standard
### step
git worktree add -q -b aside ../aside topic; git worktree add -q -b inner inner topic
### expect
