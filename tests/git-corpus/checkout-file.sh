### setup
standard
### step
edit a.txt 3 scribble
### expect
a.txt other
### step
git checkout -q -- a.txt
### expect
@git restore
a.txt git what=index op=restore clean
