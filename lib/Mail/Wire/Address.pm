package Mail::Wire::Address;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use overload ();
use Scalar::Util qw(blessed);

our @CARP_NOT = ('Net::LMTP', 'Net::QMTP', 'Mail::Wire::Client', 'Mail::Wire::Deliveries', 'Mail::Wire::Packages');

# An object that says what text it is.
sub is_text { blessed $_[0] && overload::Method($_[0], '""') }

# Croaks for what somebody took for an address and is none; `where` begins the message.
sub check {
    my ($where, $address) = @_;
    croak "$where has a reference for an address: " . overload::StrVal($address) if ref $address and not is_text($address);
    return;
}

# The ASCII form of a domain in UTF-8 (RFC 5891 5): undef where it has none, or no module is there that makes it.
sub ascii_domain {
    my ($domain) = @_;
    return if not utf8::decode($domain);
    local ($@, $!, $SIG{__DIE__});
    my $ascii = eval { require Net::IDN::Encode; Net::IDN::Encode::domain_to_ascii($domain) };
    $ascii = eval { require URI::_idna; URI::_idna::encode($domain) } if not defined $ascii;
    return defined $ascii && $ascii =~ /\A[A-Za-z0-9.-]+\z/ ? $ascii : undef;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Address - checks what a caller gives for an address

=head1 DESCRIPTION

Internal to Mail-Wire: addresses of C<deliver> and C<submit> of L<Net::LMTP> and L<Net::QMTP> are text, or
objects that say what text they are. It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
