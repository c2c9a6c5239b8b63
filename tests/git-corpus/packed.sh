### setup
standard; git gc -q --prune=now
### step
git checkout -q topic
### expect
@git checkout
a.txt git what=new-head
b.txt gone git
t.txt git
### step
git checkout -q main -- a.txt
### expect
a.txt git what=index
