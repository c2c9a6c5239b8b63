### setup
standard
### step
git rm -q --cached a.txt
### expect
