### setup
standard; upstream
### step
git pull -q --ff-only origin main
### expect
@git pull
a.txt git what=new-head op=pull clean
u.txt git what=new-head op=pull clean
