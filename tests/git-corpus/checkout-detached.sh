### setup
standard
### step
git checkout -q topic^0
### expect
@git checkout
a.txt git
b.txt gone git
t.txt git
