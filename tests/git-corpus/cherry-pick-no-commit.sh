### only event
### setup
diverged
### step
git cherry-pick -n topic
### expect
a.txt git clean
b.txt gone git what=index
t.txt git
