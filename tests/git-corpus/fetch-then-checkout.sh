### setup
standard; upstream
### step
git fetch -q origin && git checkout -q origin/main
### expect
@git checkout
a.txt git what=new-head
u.txt git what=new-head
