### setup
put a.txt '\357\273\277one\ntwo\n'; commit base; git checkout -q -b topic; put a.txt '\357\273\277one\nzwei\n'; commit topic; git checkout -q main
### step
git checkout -q topic
### expect
a.txt git what=new-head clean
