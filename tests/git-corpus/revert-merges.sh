### setup
diverged; edit a.txt 1 first; commit first
### step
git revert --no-edit HEAD~1 > /dev/null
### expect
@git revert
a.txt git what=new-head op=revert
