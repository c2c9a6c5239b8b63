### setup
put a.txt 'caf\351\n'; put caf_.txt 'x\n'; commit base; git checkout -q -b topic; put a.txt 'caf\351s\n'; commit topic; git checkout -q main
### step
git checkout -q topic
### expect
a.txt git what=new-head clean
