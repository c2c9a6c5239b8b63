### setup
put 'with space.txt' 'one\n'; put '100%.txt' 'one\n'; put 'umläut.txt' 'one\n'; commit base; git checkout -q -b topic; put 'with space.txt' 'two\n'; put '100%.txt' 'two\n'; put 'umläut.txt' 'two\n'; commit topic; git checkout -q main
### step
git checkout -q topic
### expect
with%20space.txt git clean
100%25.txt git clean
umläut.txt git clean
