### setup
git config core.autocrlf true; standard
### step
git checkout -q topic
### expect
a.txt git what=new-head clean
b.txt gone git
t.txt git clean
### step
printf 'by hand\r\n' >> a.txt
### expect
a.txt other
### step
git stash -q
### expect
a.txt git clean
### step
git stash pop -q
### expect
a.txt git what=stash
