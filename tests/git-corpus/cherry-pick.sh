### setup
diverged
### step
git cherry-pick topic > /dev/null
### expect
@git cherry-pick
a.txt git what=new-head op=cherry-pick
b.txt gone git
t.txt git
