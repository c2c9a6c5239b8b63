### setup
diverged
### step
git reset -q HEAD~1
### expect
@git reset
