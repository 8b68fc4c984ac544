# What an error's text says, without the place that raised it.

use strict;
use warnings;

use Carp ();
use Mail::Wire::Words ();
use Test::More;

my @cases = (
    [ "no such thing at /usr/share/perl5/Thing.pm line 51.\n", 'no such thing', 'a place' ],
    [ "no such thing at /home/a b/Thing.pm line 51.\n", 'no such thing', 'a folder with a space in its name' ],
    [ "no such thing at -e line 1.\n", 'no such thing', 'the command line' ],
    [ "no such thing at (eval 12) line 1.\n", 'no such thing', 'an eval' ],
    [ "no such thing at x.pl line 7, <STDIN> line 3.\n", 'no such thing', 'the handle that was read last' ],
    [ "no such thing at x.pl line 7, <\$fh> chunk 3.\n", 'no such thing', '... in paragraphs' ],
    [ "looked at 3 at x.pl line 7.\n", 'looked at 3', 'only the last place goes' ],
    [ "cannot read mail at home line by line\n", 'cannot read mail at home line by line', 'words that are no place' ],
    [ "one\ntwo at x.pl line 7.\n", "one\ntwo", 'several lines' ],
    [ "its own end\n", 'its own end', 'no place' ],
    [ '', '', 'nothing' ],
);
is(Mail::Wire::Words::said($_->[0]), $_->[1], $_->[2]) for @cases;

eval { Carp::croak('wrong') };
is(Mail::Wire::Words::said($@), 'wrong', "Carp's");
open my $fh, '<', $0 or die "$0: $!";
readline $fh;
eval { Carp::croak('wrong') };
is(Mail::Wire::Words::said($@), 'wrong', '... with a handle that was read');
eval { die 'wrong' };
is(Mail::Wire::Words::said($@), 'wrong', "perl's");

done_testing;
