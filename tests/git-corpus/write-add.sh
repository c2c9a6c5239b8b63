### setup
standard
### step
edit a.txt 3 'by a program'; lines n.txt 3 n; git add -A
### expect
a.txt other
n.txt other
