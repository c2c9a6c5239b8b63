### setup
standard
### step
git switch -q --orphan empty
### expect
a.txt gone git
b.txt gone git
sub/c.txt gone git
