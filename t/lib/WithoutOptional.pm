package WithoutOptional;

# As if none of the modules was installed that Mail-Wire can use and does not need: for a test, or for all of them by
# PERL5OPT="-It/lib -MWithoutOptional".

use strict;
use warnings;

our @MODULES;
BEGIN {
    @MODULES = qw(
        Authen::SASL Authen::SCRAM::Client Compress::Raw::Lzma Digest::HMAC_MD5 Email::MIME Email::Sender Email::Sender::Transport IO::Socket::SSL Minion
        Minion::Backend::SQLite Mojo::Pg Mojolicious Moo Net::IDN::Encode Net::SSLeay URI::_idna
    );
    my %is_hidden = map { (my $file = "$_.pm") =~ s{::}{/}g; $file => 1 } @MODULES, qw(Mojo::IOLoop Mojo::Base);
    unshift @INC, sub { die "Can't locate $_[1] in \@INC (hidden by a test)\n" if $is_hidden{ $_[1] }; return };
}

sub loaded { return grep { (my $file = "$_.pm") =~ s{::}{/}g; $INC{$file} } @MODULES }

1;
