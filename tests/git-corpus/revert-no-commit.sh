### setup
diverged; edit a.txt 1 first; commit first
### step
git revert -n HEAD~1
### expect
@git revert
a.txt git
