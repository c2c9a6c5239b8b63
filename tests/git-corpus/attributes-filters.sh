### setup
git config filter.rot.clean 'tr a-z n-za-m'; git config filter.rot.smudge 'tr a-z n-za-m'
put .gitattributes '*.crlf text eol=crlf\n*.rot filter=rot\n*.id ident\n'; put x.crlf 'one\ntwo\n'; put x.rot 'secret\n'; put x.id '$Id$\n'; commit base
git checkout -q -b topic; put x.crlf 'one\nzwei\n'; put x.rot 'geheim\n'; put x.id '$Id$\nmore\n'; commit topic; git checkout -q main
### step
git checkout -q topic
### expect
x.crlf git what=new-head clean
x.rot git what=new-head clean
x.id git what=new-head clean
### step
put x.rot 'scribble\n'; put x.crlf 'scribble\r\n'
### expect
x.rot other
x.crlf other
### step
git checkout -q -- .
### expect
x.rot git what=index clean
x.crlf git what=index clean
