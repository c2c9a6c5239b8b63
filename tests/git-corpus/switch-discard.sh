### setup
standard
### step
edit a.txt 2 scribble
### expect
a.txt other
### step
git switch -q --discard-changes topic
### expect
@git checkout
a.txt git what=new-head
b.txt gone git
t.txt git
