# Programs that read a reply for each recipient, line by line or by response: what is there comes at once, also behind a refused DATA.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::LMTP;

my %DATA = (DATA => '451 no room');
my @finals  = map { { code => 250, line => "250 delivered\n" } } 1 .. 2;
my @refused = map { { code => 451, line => "451 no room\n" } } 1 .. 2;
my @cases = (
    [ 'behind dataend', {}, \@finals, sub { $_[0]->data && $_[0]->datasend("x\n"); $_[0]->dataend } ],
    [ 'behind data with content', {}, \@finals, sub { $_[0]->data("x\n") } ],
    [ 'behind a refused data', \%DATA, \@refused, sub { $_[0]->data("x\n") } ],
    [ 'behind a refused data, sent on', \%DATA, \@refused, sub { $_[0]->data; $_[0]->datasend("x\n"); $_[0]->dataend } ],
    [ 'behind a DATA by hand, refused', \%DATA, \@refused, sub { $_[0]->command('DATA'); $_[0]->response; $_[0]->datasend("x\n"); $_[0]->dataend } ],
    [ 'behind a command that was not sent', {}, [ { code => 501, line => qr/\A501 CR, LF or NUL/ } ], sub { $_[0]->command("NO\nOP") } ],
);

# The time that is out would be a long one.
for my $case (@cases) {
    my ($name, $answers, $replies, $call) = @$case;
    for my $how (qw(response getline)) {
        my ($lmtp, $server) = session(%$answers);
        $lmtp->timeout(100);
        $lmtp->mail('a@x');
        $lmtp->to('b@x', 'c@x', 'd@x');
        $call->($lmtp);
        for my $reply (@$replies) {
            if ($how eq 'response') {
                $lmtp->response;
                is($lmtp->code, $reply->{code}, "$name: response");
            }
            else {
                like($lmtp->getline, ref $reply->{line} ? $reply->{line} : qr/\A\Q$reply->{line}\E\z/, "$name: getline");
            }
        }
        ok($lmtp->_NOOP, '... and nothing more is there: the next command has its own reply');
        is(scalar $lmtp->message, "ok\n", '... as it should be');
    }
}

# What the server owes comes first.
{
    my ($lmtp, $server) = session(%DATA, NOOP => '250 the next');
    $lmtp->mail('a@x');
    $lmtp->to('b@x', 'c@x');
    $lmtp->command('DATA');
    $lmtp->command('NOOP');
    $lmtp->response;
    is($lmtp->code, 451, 'DATA and a command behind it: refused');
    $lmtp->response;
    is(scalar $lmtp->message, "the next\n", '... then that one\'s reply');
}

done_testing;
