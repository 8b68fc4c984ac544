#!/usr/bin/perl

# What is measured: LMTP by the client of amavisd-new, which pipelines, and reads replies when it must.
#
#   peer_amavis.pl PORT COUNT SIZE

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Bench::Worker qw(FROM TO content measure);

# It warns that it isn't run under -T.
{
    local $SIG{__WARN__} = sub { };
    require Amavis::Out::SMTP::Protocol;
}

# Messages sent before the clock starts.
use constant WARM_UP => 20;

my ($port, $count, $size) = @ARGV;
die "usage: $0 PORT COUNT SIZE\n" if !defined $size;

my $lmtp = Amavis::Out::SMTP::Protocol->new(["lmtp:[127.0.0.1]:$port"], Timeout => 60);
replies(1);
$lmtp->lhlo('client');
$lmtp->ehlo_response_parse(replies(1));
my $text = content($size);
my $run = sub {
    for (1 .. $_[0]) {
        $lmtp->mail('<' . FROM . '>');
        $lmtp->recipient('<' . TO . '>');
        $lmtp->data;
        replies(3);
        $lmtp->datasend($text);
        $lmtp->dataend;
        $lmtp->flush;
        replies(1);
    }
};
$run->(WARM_UP);
measure($count, sub { $run->($count) });

# So many good ones. Returns the last.
sub replies {
    my ($left) = @_;
    my $reply;
    while ($left--) {
        $reply = $lmtp->smtp_response;
        die 'refused: ', defined $reply ? $reply : 'no reply', "\n" if !defined $reply or $reply !~ /\A[23]/;
    }
    return $reply;
}
