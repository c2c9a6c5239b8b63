### setup
standard
### step
git read-tree -m -u HEAD topic
### expect
a.txt git what=index
b.txt gone git what=index
t.txt git
