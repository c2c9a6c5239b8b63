### setup
put a.txt 'one\ntwo'; commit base; git checkout -q -b topic; put a.txt 'one\nzwei'; commit topic; git checkout -q main
### step
git checkout -q topic
### expect
a.txt git what=new-head clean
### step
printf more >> a.txt
### expect
a.txt other
