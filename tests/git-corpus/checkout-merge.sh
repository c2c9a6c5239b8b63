### only event
### setup
standard
### step
edit a.txt 10 scribble
### expect
a.txt other
### step
git checkout -q -m topic > /dev/null
### expect
@git checkout
a.txt git
b.txt gone git
t.txt git
