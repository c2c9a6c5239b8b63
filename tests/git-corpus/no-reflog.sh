### setup
standard; git config core.logAllRefUpdates false; rm -rf .git/logs
### step
git checkout -q topic
### expect
@git checkout
a.txt git
b.txt gone git
t.txt git
