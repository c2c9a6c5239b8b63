### setup
standard; upstream; edit a.txt 11 'ours'; commit ours
### step
git pull -q --rebase origin main
### expect
@git pull
a.txt git
u.txt git
