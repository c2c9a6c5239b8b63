### setup
standard
### step
git rm -q a.txt sub/c.txt
### expect
a.txt gone git what=index
sub/c.txt gone git
