### setup
standard
### step
edit a.txt 3 scribble; git add a.txt
### expect
a.txt other
### step
git restore --staged a.txt
### expect
### step
git restore --staged --worktree a.txt
### expect
a.txt git clean
