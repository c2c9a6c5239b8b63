### setup
standard
### step
git checkout -q topic
### expect
@git checkout
a.txt git what=new-head op=checkout clean
b.txt gone git what=new-head
t.txt git what=new-head clean
### step
git checkout -q main
### expect
@git checkout
a.txt git clean
b.txt git clean
t.txt gone git
