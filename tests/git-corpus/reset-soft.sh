### setup
diverged
### step
git reset -q --soft HEAD~1
### expect
@git reset
