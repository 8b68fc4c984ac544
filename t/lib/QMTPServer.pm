package QMTPServer;

# QMTP on top of ScriptedServer.
#
#   my $server = QMTPServer->new([ 'Kok', 'Dno' ], ...);    # the answers to package 1, 2 ...
#   my $server = QMTPServer->new({ listen => 'unix' }, sub { my ($peer) = @_; ... });
#
#   QMTPServer::take($peer)                 in a script: reads a package, all of it. Returns how many recipients it has
#   QMTPServer::sip($peer)                  in a script: reads the beginning of a large package, no more
#   QMTPServer::hang_up($peer)              in a script: closes, whatever is unread
#   QMTPServer::netstring(@texts)           as they go over the wire
#   QMTPServer::packages($bytes)            taken apart: { eol, message, sender, rcpts }, with `rest`
#                                           for bytes that are no whole package
#   QMTPServer::client($server, %options)   a Net::QMTP that is connected to it

use strict;
use warnings;

use ScriptedServer;

sub new {
    my ($class, @answers) = @_;
    my %option = ref $answers[0] eq 'HASH' ? %{ shift @answers } : ();
    my $script = ref $answers[0] eq 'CODE' ? $answers[0] : sub {
        my ($peer) = @_;
        for my $answers (@answers) {
            take($peer);
            $peer->send(netstring(@$answers));
        }
    };
    return ScriptedServer->new(%option, script => $script);
}

sub client {
    my ($server, %option) = @_;
    return Net::QMTP->new(defined $server->path ? $server->path : ($server->host, Port => $server->port), %option);
}

sub netstring { return join '', map { length($_) . ":$_," } @_ }

sub take {
    my ($peer) = @_;
    my $part;
    for (1 .. 3) {
        my $digits = '';
        while ((my $byte = $peer->bytes(1)) ne ':') { $digits .= $byte }
        $part = $peer->bytes($digits + 1);
    }
    chop $part;
    my $count = 0;
    $count++ while defined _cut(\$part);
    return $count;
}

# The server's own verbs read all that has come, which may be a package's end. So does answering the test, which may have
# asked something before its package was seen here.
sub sip {
    my ($peer) = @_;
    $peer->_more until length $peer->{in};
    return;
}

sub hang_up {
    my ($peer) = @_;
    close $peer->{peer};
    $peer->{eof} = 1;
    return;
}

sub packages {
    my ($bytes) = @_;
    my @packages;
    while (length $bytes) {
        my $rest = $bytes;
        my @part = grep {defined} map { _cut(\$bytes) } 1 .. 3;
        return @packages, { rest => $rest } if @part < 3;
        my ($list, @rcpts) = $part[2];
        while (defined(my $rcpt = _cut(\$list))) { push @rcpts, $rcpt }
        push @packages, {
            eol => substr($part[0], 0, 1), message => substr($part[0], 1), sender => $part[1], rcpts => \@rcpts,
        };
    }
    return @packages;
}

sub _cut {
    my ($bytes) = @_;
    return undef if $$bytes !~ /\A(0|[1-9][0-9]*):/;
    my ($from, $size) = ($+[0], $1);
    return undef if length $$bytes <= $from + $size || substr($$bytes, $from + $size, 1) ne ',';
    my $text = substr $$bytes, $from, $size;
    substr $$bytes, 0, $from + $size + 1, '';
    return $text;
}

1;
