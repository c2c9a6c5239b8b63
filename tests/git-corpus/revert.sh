### setup
diverged
### step
git revert --no-edit HEAD > /dev/null
### expect
@git revert
a.txt git op=revert
