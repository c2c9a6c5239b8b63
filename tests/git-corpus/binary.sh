### setup
put a.bin 'x\000y\n'; commit base; git checkout -q -b topic; put a.bin 'x\000z\n'; commit topic; git checkout -q main
### step
git checkout -q topic
### expect
a.bin git what=new-head clean
