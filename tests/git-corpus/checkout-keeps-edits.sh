### setup
standard
### step
edit sub/c.txt 2 scribble
### expect
sub/c.txt other
### step
git checkout -q topic
### expect
a.txt git
b.txt gone git
t.txt git
