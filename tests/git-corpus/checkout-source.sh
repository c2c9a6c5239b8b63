### setup
standard
### step
git checkout -q topic -- a.txt t.txt
### expect
@git restore
a.txt git what=index clean
t.txt git what=index clean
