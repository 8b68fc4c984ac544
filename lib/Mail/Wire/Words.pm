package Mail::Wire::Words;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

# Of an error's text, what it says: without the place in the program that perl or Carp put behind it. The place's folder may have spaces in its
# name; the handle that was read last may follow, and those that called.
sub said {
    my ($error) = @_;
    my $text = "$error";
    $text =~ s/\s+\z//;
    $text =~ s/ at (?:(?! at ).)+ line [0-9]+(?:, <[^>]*> (?:line|chunk) [0-9]+)?[.]?(?:\n\t[^\n]*)*\z//;
    return $text;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Words - what an error's text says

=head1 DESCRIPTION

Internal to Mail-Wire: takes out of errors which line of which file raised them. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
